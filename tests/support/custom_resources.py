"""The fields of operators' resources that deploy/kubernetes uses, as KEDA and the Prometheus operator document them.

Kubernetes' own schemas do not hold them. These are smaller than the operators' own: a field that is not here may exist,
but nobody has read about it yet.

* https://keda.sh/docs/2.18/reference/scaledobject-spec/, …/scalers/apache-kafka/, …/concepts/authentication/
* https://prometheus-operator.dev/docs/api-reference/api/
"""

from typing import Any

import jsonschema_rs

from tests.support.kustomize import Manifest

_Schema = dict[str, Any]
_TEXT: _Schema = {"type": "string", "minLength": 1}
_COUNT: _Schema = {"type": "integer", "minimum": 1}
_TEXTS: _Schema = {"type": "object", "additionalProperties": _TEXT}
_DURATION: _Schema = {"type": "string", "pattern": "^([0-9]+(ms|[smhdwy]))+$"}


def _object(required: _Schema, /, **optional: _Schema) -> _Schema:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items: _Schema) -> _Schema:
    return {"type": "array", "items": items, "minItems": 1}


_SCALING = _object(
    {
        "stabilizationWindowSeconds": {"type": "integer", "minimum": 0, "maximum": 3600},
        "policies": _list(
            _object(
                {
                    "type": {"enum": ["Pods", "Percent"]},
                    "value": _COUNT,
                    "periodSeconds": {"type": "integer", "minimum": 1, "maximum": 1800},
                }
            )
        ),
    }
)
_KAFKA_TRIGGER = _object(
    {
        "type": {"const": "kafka"},
        # Every value is text, numbers too.
        "metadata": _object(
            {
                "bootstrapServers": {"type": "string", "pattern": "^[a-z0-9.-]+:[0-9]+(,[a-z0-9.-]+:[0-9]+)*$"},
                "consumerGroup": _TEXT,
                "lagThreshold": {"type": "string", "pattern": "^[0-9]+$"},
                "offsetResetPolicy": {"enum": ["earliest", "latest"]},
                "excludePersistentLag": {"enum": ["true", "false"]},
            }
        ),
    },
    authenticationRef=_object({"name": _TEXT}),
)
_RECORDING_RULE = _object({"record": _TEXT, "expr": _TEXT})
_ALERTING_RULE = _object({"alert": _TEXT, "expr": _TEXT, "labels": _TEXTS, "annotations": _TEXTS}, **{"for": _DURATION})
_SPECS: dict[tuple[str, str], _Schema] = {
    ("keda.sh/v1alpha1", "ScaledObject"): _object(
        {
            "scaleTargetRef": _object({"name": _TEXT}),
            "minReplicaCount": _COUNT,
            "maxReplicaCount": _COUNT,
            "pollingInterval": _COUNT,
            "triggers": _list(_KAFKA_TRIGGER),
            "advanced": _object(
                {
                    "horizontalPodAutoscalerConfig": _object(
                        {"behavior": _object({"scaleUp": _SCALING, "scaleDown": _SCALING})}
                    )
                }
            ),
        }
    ),
    ("keda.sh/v1alpha1", "TriggerAuthentication"): _object(
        {
            "secretTargetRef": _list(
                _object(
                    {
                        "parameter": {"enum": ["sasl", "username", "password", "tls", "ca", "cert", "key"]},
                        "name": _TEXT,
                        "key": _TEXT,
                    }
                )
            )
        }
    ),
    ("monitoring.coreos.com/v1", "ServiceMonitor"): _object(
        {
            "selector": _object({"matchLabels": _TEXTS}),
            "endpoints": _list(
                _object(
                    {
                        "port": _TEXT,
                        "path": _TEXT,
                        "interval": _DURATION,
                        "relabelings": _list(_object({"action": {"enum": ["labeldrop"]}, "regex": _TEXT})),
                    }
                )
            ),
        }
    ),
    ("monitoring.coreos.com/v1", "PrometheusRule"): _object(
        {"groups": _list(_object({"name": _TEXT, "rules": _list({"anyOf": [_RECORDING_RULE, _ALERTING_RULE]})}))}
    ),
}


def is_custom(manifest: Manifest) -> bool:
    """Whether an operator, and not Kubernetes, reads it."""
    return (manifest["apiVersion"], manifest["kind"]) in _SPECS


def faults(manifest: Manifest) -> list[str]:
    """What is not as the operator documents it; nothing where all is."""
    validator = jsonschema_rs.validator_for(_SPECS[manifest["apiVersion"], manifest["kind"]])
    return [str(error).splitlines()[0] for error in validator.iter_errors(manifest["spec"])]
