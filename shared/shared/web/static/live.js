// A page that keeps itself up to date: what is in the element [data-stream] is replaced, part by part, by what the server
// sends from the address that the attribute names. Without this script the page is as it was when it was loaded.
"use strict";

(() => {
  const board = document.querySelector("[data-stream]");
  const controls = document.querySelector("[data-controls]");
  if (!board || !controls || !("EventSource" in window)) return;
  const button = controls.querySelector("button");
  const status = controls.querySelector("[role=status]");
  const AGAIN_MS = 5000;
  const RENEW_MS = 5 * 60 * 1000;
  let source = null;
  let waiting = 0;

  // The announcement is made once: a screen reader is not to read out every attempt.
  const say = (words) => { if (status.textContent !== words) status.textContent = words; };

  // A part that has the focus keeps it, on the same link, where that is still there.
  const replace = (part, found) => {
    if (part.innerHTML === found.innerHTML) return;
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    part.innerHTML = found.innerHTML;
    if (focused) [...part.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
  };

  const show = (event) => {
    const found = new DOMParser().parseFromString(event.data, "text/html");
    for (const part of board.querySelectorAll("[data-part]")) {
      const other = found.getElementById(part.id);
      if (other) replace(part, other);
    }
    say(controls.dataset.live);
  };

  const stop = () => {
    clearTimeout(waiting);
    source?.close();
    source = null;
  };

  const start = () => {
    stop();
    source = new EventSource(board.dataset.stream);
    source.onmessage = show;
    source.onerror = () => {
      say(controls.dataset.lost);
      // The browser tries again by itself, but not after a refusal.
      if (source && source.readyState === EventSource.CLOSED) waiting = setTimeout(start, AGAIN_MS);
    };
  };

  // Whoever watches is doing something: the session goes on until its absolute limit. Nobody watches a hidden page.
  const renew = () => {
    if (source && document.visibilityState === "visible") {
      fetch("/session/renew?next=/me", { redirect: "manual", cache: "no-store" }).catch(() => {});
    }
  };

  button.hidden = false;
  button.addEventListener("click", () => {
    const paused = source !== null || waiting !== 0;
    if (paused) { stop(); waiting = 0; } else start();
    button.textContent = paused ? controls.dataset.resume : controls.dataset.pause;
    say(paused ? controls.dataset.paused : controls.dataset.live);
  });
  setInterval(renew, RENEW_MS);
  start();
})();
