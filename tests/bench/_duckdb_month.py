"""The same month in DuckDB: every charge from the raw events, by SQL that shares no code with billing.

Called with the file of raw events, in the interpreter of an environment that has DuckDB; prints one JSON object:
seconds, and pence by council and service. The prices are those of `tests.bench.rating`, written down again.
"""

import json
import sys
import time

import duckdb

_EVENTS = """
create table event as
select council, type, id, reversed_id, service, quantity::decimal(20, 6) as q, attributes->>'priority' as priority,
       (attributes->>'value')::decimal(20, 2) as value, attributes->>'cause' as cause, time as happened_at
from read_json(?, format = 'newline_delimited', columns = {
    council: 'varchar', type: 'varchar', id: 'varchar', reversed_id: 'varchar', service: 'varchar', quantity: 'varchar',
    attributes: 'json', time: 'timestamp'
});
"""
_USAGE = """
create table usage as select * from event where type = 'recorded' and not exists (
    select 1 from event r where r.type = 'reversed' and r.council = event.council and r.reversed_id = event.id
);
create table total as select council, service, sum(q)::decimal(20, 6) as q from usage group by all;
"""
# One SELECT for each service: council, and the sum of its lines, each rounded to the penny once.
_CHARGES = {
    "s00": "select council, round(310, 2) + round(q * 0.0375, 2) from total where service = 's00'",
    "s01": """select council, round(least(q, 1000) * 1.00 + greatest(least(q, 5000) - 1000, 0) * 0.50
              + greatest(q - 5000, 0) * 0.0375, 2) from total where service = 's01'""",
    "s02": "select council, round(q * if(q <= 5000, 0.45, 0.40), 2) from total where service = 's02'",
    "s03": "select council, round(ceil(q / 100)::decimal(20, 0) * 3.00, 2) from total where service = 's03'",
    "s04": "select council, round(500 + greatest(q - 3000, 0) * 0.25, 2) from total where service = 's04'",
    "s05": "select council, round(4000 * 0.30 + greatest(q - 4000, 0) * 0.42, 2) from total where service = 's05'",
    "s06": """select council, round(200000.00 / 12, 2) - round(100000.00 / 12, 2) + round(q * 0.01, 2)
              from total where service = 's06'""",
    "s07": """with line as (select council, round(greatest(q - 1000, 0) * 0.05, 2) as net
                            from total where service = 's07'),
              less as (select council, net - round(net * 0.05, 2) as net from line)
              select council, least(net, 220.00) from less""",
    "s08": """with placed as (select *, row_number() over (partition by council order by happened_at, id) as place
                              from usage where service = 's08'),
              priced as (select council, if(place <= 10, 0,
                  least(greatest(value * 0.02 + 0.20, 0.50), 10.00)) as each from placed)
              select council, round(sum(each), 2) from priced group by council""",
    "s09": """select council, round(sum(q * if(priority = 'urgent', 0.50, if(priority = 'high', 0.25, 0.10))), 2)
              from usage where service = 's09' group by council""",
    "s10": """select council, round(sum(value) * 1.075, 2) from usage where service = 's10' group by council""",
    "s11": """with line as (select council, sum(if(cause = 'payroll-error', 0, q)) as q
                            from usage where service = 's11' group by council)
              select council, greatest(round(q * 0.25, 2), 1300.00) from line""",
}


def main(events: str) -> None:
    """Prints the month."""
    begun = time.perf_counter()
    connection = duckdb.connect()
    connection.execute("set threads = 1")  # billing rates in one thread
    connection.execute(_EVENTS, [events])
    connection.execute(_USAGE)
    pence: dict[str, dict[str, int]] = {}
    for service, query in _CHARGES.items():
        for council, pounds in connection.execute(query).fetchall():
            pence.setdefault(council, {})[service] = round(pounds * 100)
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - begun, "pence": pence}))


if __name__ == "__main__":
    main(sys.argv[1])
