// Enhances pages that work without it: focus after a form, one sending of a form, counters, shown passwords, sign-out in all tabs.

// Times are shown in the zone of the person's own clock.
document.cookie = `time_zone=${Intl.DateTimeFormat().resolvedOptions().timeZone}; path=/; max-age=31536000; secure; samesite=lax`;

const focusFirst = document.getElementById("error-summary") || document.getElementById("done");
focusFirst?.focus();

// A form is sent once; the button stays as it is for assistive technology, and a second press does nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  form.setAttribute("aria-busy", "true");
});
// Back from the next page shows the page as it was: the form may be sent again.
addEventListener("pageshow", (event) => {
  document.querySelectorAll("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  });
  if (event.persisted) location.reload();
});

document.querySelectorAll("textarea[data-counter]").forEach((field) => {
  const told = document.createElement("p");
  told.className = "form-text";
  const most = field.maxLength;
  const tell = () => (told.textContent = `${most - field.value.length} / ${most}`);
  field.addEventListener("input", tell);
  field.after(told);
  tell();
});

document.querySelectorAll("[data-shows]").forEach((box) => {
  box.closest("[hidden]")?.removeAttribute("hidden");
  box.addEventListener("change", () => {
    document.getElementById(box.dataset.shows).type = box.checked ? "text" : "password";
  });
});

const tabs = new BroadcastChannel("portico");
document.querySelector("form[action='/account/sign-out']")?.addEventListener("submit", () => tabs.postMessage("signed-out"));
tabs.addEventListener("message", ({ data }) => {
  if (data !== "signed-out") return;
  document.body.replaceChildren();
  location.replace("/sign-in?signed_out=1");
});

// The secret of a mailed link is in the fragment, which no server gets. It is handed over in a form, so that no address has it.
const link = document.querySelector("form[data-link]");
function handOver() {
  const secret = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!link || !secret) return;
  history.replaceState(null, "", location.pathname);
  link.elements.link.value = secret;
  link.requestSubmit();
}
handOver();
addEventListener("hashchange", handOver);

// The end of an idle session: asked about two minutes before, after asking whether another tab has been used meanwhile.
const WARN_MS = 120_000;
const body = document.body.dataset;
let endsAt = Math.min(Date.parse(body.idleEndsAt), Date.parse(body.expiresAt));

async function askWhenItEnds(headers) {
  const response = await fetch("/v1/me", { headers });
  if (response.status === 401) return leave();
  const me = await response.json();
  endsAt = Math.min(Date.parse(me.idle_ends_at), Date.parse(me.expires_at));
}

function leave() {
  document.body.replaceChildren();
  const here = encodeURIComponent(location.pathname + location.search);
  location.replace(`/sign-in?return_path=${here}`);
}

async function watch() {
  const left = endsAt - Date.now();
  const dialog = document.getElementById("session-end");
  if (left <= WARN_MS) await askWhenItEnds({ "X-Portico-Background": "1" }).catch(() => {});
  if (endsAt - Date.now() > WARN_MS) dialog.close();
  else if (!dialog.open) dialog.showModal();
  // Never longer than a timer can count (24.8 days), and often enough to leave in time.
  setTimeout(watch, Math.min(Math.max(endsAt - Date.now() - WARN_MS, 20_000), 3_600_000));
}

if (body.idleEndsAt) {
  document.getElementById("session-stay").addEventListener("click", () => askWhenItEnds({}).catch(() => {}));
  setTimeout(watch, Math.max(endsAt - Date.now() - WARN_MS, 0));
}
