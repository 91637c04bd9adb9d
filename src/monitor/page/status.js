// Replaces each part of the page by what the node sends. The node writes all markup and escapes all text.
const connection = document.getElementById("connection");
let source = null;
let retry = 0;

function say(text) {
  if (connection.textContent !== text) connection.textContent = text;
}

function open() {
  clearTimeout(retry);
  if (source !== null || document.hidden) return;
  source = new EventSource("events");
  source.addEventListener("parts", (event) => {
    say("live");
    for (const [id, markup] of Object.entries(JSON.parse(event.data))) {
      const part = document.getElementById(id);
      if (part !== null) part.innerHTML = markup;
    }
  });
  source.addEventListener("error", () => {
    say("node away, trying again");
    close();
    retry = setTimeout(open, 2000);
  });
}

function close() {
  if (source !== null) source.close();
  source = null;
}

// A page that nobody sees costs the node nothing.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) return open();
  clearTimeout(retry);
  close();
  say("paused");
});
open();
