// Enhances pages that work without it: focus after a form, one sending of a form, counters, shown passwords, sign-out in all tabs.

// Times are shown in the zone of the person's own clock.
document.cookie = `time_zone=${Intl.DateTimeFormat().resolvedOptions().timeZone}; path=/; max-age=31536000; secure; samesite=lax`;

const focusFirst = document.getElementById("error-summary") || document.getElementById("done");
focusFirst?.focus();

// A form is sent once; the button stays as it is for assistive technology, and a second press does nothing. Without a network
// the browser's own page would take the place of what was typed, so it is not sent.
const offline = document.getElementById("offline");
addEventListener("online", () => (offline.hidden = true));
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "dialog" && !navigator.onLine) {
    event.preventDefault();
    [offline.hidden, offline.tabIndex] = [false, -1];
    return offline.focus();
  }
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  form.setAttribute("aria-busy", "true");
  if (form.querySelector("[data-sending]")) {
    event.preventDefault();
    sendFile(form, event.submitter);
  }
});

// A file is sent while the page tells how far it is, and may be stopped. The answer takes the page's place, as without scripts.
let isReplaced = false;
const QUARTER = 25;
function sendFile(form, button) {
  const part = form.querySelector("[data-sending]");
  const [bar, stop] = [part.querySelector("progress"), part.querySelector("button")];
  const told = form.querySelector("[data-quarter]");
  const request = new XMLHttpRequest();
  const again = (words) => {
    if (part.contains(document.activeElement)) button?.focus();
    part.hidden = true;
    told.textContent = words;
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  };
  let said = 0;
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.value = (100 * loaded) / total;
    const now = bar.value - (bar.value % QUARTER);
    if (now > said) told.textContent = now < 100 ? told.dataset.quarter.replace("{percent}", now) : told.dataset.checked;
    said = now;
  });
  request.addEventListener("load", () => {
    if (request.responseURL !== address.href) return location.assign(request.responseURL);
    // No page of ours, such as a refusal before the file was read or a proxy's: what was typed stays.
    if (!request.responseText.includes('portico.js"')) return again(request.status === 413 ? told.dataset.large : told.dataset.failed);
    isReplaced = true;
    stream?.close();
    tabs.close();
    history.replaceState(null, "", location.pathname + location.search); // a fragment would take the focus from what is wrong
    document.open();
    // In one document a module of one address runs once.
    document.write(request.responseText.replace('portico.js"', `portico.js?${Date.now()}"`));
    document.close();
  });
  request.addEventListener("error", () => again(told.dataset.failed));
  request.addEventListener("abort", () => again(said < 100 ? told.dataset.stopped : told.dataset.failed));
  stop.onclick = () => request.abort();
  [told.textContent, bar.value, part.hidden] = ["", 0, false];
  const address = new URL(form.getAttribute("action"), location); // a form's own property `action` is its field of that name
  request.open("POST", address);
  request.send(new FormData(form, button));
}
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

// The code of a colour can be picked, too.
document.querySelectorAll("[data-picks]").forEach((field) => {
  const picker = document.createElement("input");
  [picker.type, picker.className, picker.ariaLabel] = ["color", "form-control form-control-color", field.dataset.picks];
  const show = () => (picker.value = field.value.replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3"));
  picker.addEventListener("input", () => (field.value = picker.value));
  field.addEventListener("input", show);
  field.after(picker);
  show();
});

document.querySelectorAll("[data-shows]").forEach((box) => {
  box.closest("[hidden]")?.removeAttribute("hidden");
  box.addEventListener("change", () => {
    document.getElementById(box.dataset.shows).type = box.checked ? "text" : "password";
  });
});

// After signing in again, to what was typed before.
document.querySelector("form[data-goes-on]")?.requestSubmit();

const tabs = new BroadcastChannel("portico");
document.querySelector("form[action='/account/sign-out']")?.addEventListener("submit", () => tabs.postMessage("signed-out"));
tabs.addEventListener("message", ({ data }) => {
  if (data !== "signed-out") return;
  document.body.replaceChildren();
  location.replace("/sign-in?signed_out=1");
});

// A page of a document whose picture has come is seen, as the server notes, too. The bar leads to the next one.
const seenPages = document.getElementById("pages-seen");
if (seenPages) {
  const seen = new Set(seenPages.dataset.seen.split(",").filter(Boolean));
  const next = document.getElementById("next-page");
  const pictures = [...document.querySelectorAll("img[data-page]")];
  const note = ({ dataset: { page } }) => {
    seen.add(page);
    seenPages.textContent = seen.size;
    const unseen = pictures.find((picture) => !seen.has(picture.dataset.page))?.dataset.page;
    if (unseen && next) [next.hash, next.querySelector("span").textContent] = [`page-${unseen}`, unseen];
    if (!unseen && next) next.hidden = true;
    document.getElementById("to-signing").className = `btn btn-${unseen ? "secondary" : "primary"}`;
  };
  pictures.forEach((picture) => (picture.naturalWidth ? note(picture) : picture.addEventListener("load", () => note(picture))));
}

// A signature is drawn as lines of whole points, which the form has as text: "12,40 13,41;20,9".
for (const part of document.querySelectorAll("[data-draw]")) {
  const [canvas, field, wipe] = ["canvas", "input", "button"].map((name) => part.querySelector(name));
  const pen = canvas.getContext("2d");
  const isFull = () => field.value.length > 19900;
  let lines = field.value ? field.value.split(";").map((line) => line.split(" ").map((point) => point.split(",").map(Number))) : [];
  const show = () => {
    pen.clearRect(0, 0, canvas.width, canvas.height);
    [pen.lineWidth, pen.lineCap, pen.strokeStyle] = [3, "round", getComputedStyle(canvas).color];
    for (const [first, ...rest] of lines) {
      pen.beginPath();
      pen.moveTo(...first);
      (rest.length ? rest : [first]).forEach((point) => pen.lineTo(...point));
      pen.stroke();
    }
    field.value = lines.map((line) => line.map((point) => point.join(",")).join(" ")).join(";");
  };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const within = (share, size) => Math.round(Math.min(Math.max(share, 0), 1) * size);
    return [within((event.clientX - box.x) / box.width, canvas.width), within((event.clientY - box.y) / box.height, canvas.height)];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (isFull()) return;
    canvas.setPointerCapture(event.pointerId);
    lines.push([at(event)]);
    show();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId) || isFull()) return;
    lines.at(-1).push(at(event));
    show();
  });
  wipe.addEventListener("click", () => {
    lines = [];
    show();
  });
  part.hidden = false;
  show();
}

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

// The form that was typed into last. Without its token the server carries nothing out, and keeps it sealed in the sign-in page.
let typedInto;
document.addEventListener("input", (event) => (typedInto = event.target.form));

function leave() {
  if (typedInto?.elements.form_owner) {
    typedInto.elements.form_token.value = "";
    typedInto.enctype = "application/x-www-form-urlencoded"; // a file is not kept
    return typedInto.submit();
  }
  document.body.replaceChildren();
  const here = encodeURIComponent(location.pathname + location.search);
  location.replace(`/sign-in?return_path=${here}`);
}

async function watch() {
  if (isReplaced) return;
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

// The page as it is now. It is read in the background, which keeps no session alive.
async function pageNow() {
  if (isReplaced) return;
  const response = await fetch(location.href, { headers: { "X-Portico-Background": "1" } }).catch(() => null);
  if (response?.redirected) return leave();
  return response?.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : undefined;
}

// A part that changes by itself, such as a job's progress, is read again while the tab is seen; one that comes late, at once.
const REFRESH_MS = 2_000;
async function refresh(part) {
  const page = document.hidden ? undefined : await pageNow();
  if (page) {
    const fresh = page.getElementById(part.id);
    document.title = page.title;
    if (!fresh) return location.reload();
    part.replaceWith(fresh);
    part = fresh;
    const told = document.getElementById(`${part.id}-told`);
    if (told) told.textContent = told.dataset.done;
  } else if (!document.hidden && part.dataset.whole) {
    return location.replace(part.dataset.whole);  // the whole page says why there is no answer
  }
  if ("refresh" in part.dataset) setTimeout(refresh, REFRESH_MS, part);
}
document.querySelectorAll("[data-refresh]").forEach((part) => setTimeout(refresh, part.dataset.refresh ? 0 : REFRESH_MS, part));

// Live: told that what it shows is stale, the page reads itself again. Counts are replaced; rows and forms stay where they are
// until the person asks for the new page. Where nobody tells, the page asks from time to time.
const COLLECT_MS = 250;
const POLL_MS = 30_000;
const MOST_OTHERS = 3;

async function reread() {
  const page = await pageNow();
  if (!page) return;
  document.querySelectorAll("[data-count]").forEach((count) => {
    const next = page.getElementById(count.id);
    if (next) count.textContent = next.textContent;
  });
  const rows = (of) => [...of.querySelectorAll("main [data-row]")].map((row) => row.dataset.row).join();
  if (rows(page) !== rows(document)) document.getElementById("stale").hidden = false;
}

// Less often where answers are slow.
function poll(afterMs) {
  setTimeout(async () => {
    const began = performance.now();
    if (!document.hidden) await reread();
    poll(POLL_MS + Math.max(250 * Math.sqrt(performance.now() - began) - 1_000, 0));
  }, afterMs);
}

let stream;
if (body.live) {
  document.querySelector("#stale button").addEventListener("click", () => location.reload());
  if (body.liveUrl) {
    let waits, opened = 0;
    const listen = () => {
      stream = new EventSource(`${body.liveUrl}/live?page=${body.live}`, { withCredentials: true });
      stream.addEventListener("stale", () => {
        waits ??= setTimeout(() => { waits = null; reread(); }, COLLECT_MS);
      });
      // Who else has the same item open.
      const others = document.getElementById("others");
      if (others) stream.addEventListener("others", (told) => {
        const names = JSON.parse(told.data);
        others.hidden = names.length === 0;
        others.querySelector("bdi").textContent = names.join(", ");
      });
      stream.addEventListener("ended", () => { stream.close(); leave(); });
      stream.addEventListener("error", ({ target }) => target.readyState === EventSource.CLOSED && poll(POLL_MS));
      tabs.postMessage("listens");
    };
    // Over HTTP/1.1 a browser has six connections to a server for all its tabs: a tab that is not seen makes room for later ones.
    tabs.addEventListener("message", ({ data }) => {
      if (data !== "listens" || !document.hidden || !stream || ++opened < MOST_OTHERS) return;
      stream.close();
      stream = undefined;
    });
    document.addEventListener("visibilitychange", () => {
      opened = 0;
      if (document.hidden || stream) return;
      listen();
      reread();
    });
    listen();
  } else poll(POLL_MS);
}

// Keyboard shortcuts: what the page offers names its keys, one after the other (`data-keys`); `?` lists them. A field that has some
// is entered, anything else is pressed. Nothing happens while somebody writes.
const shortcuts = document.getElementById("shortcuts");
if (shortcuts) {
  const NEXT_KEY_MS = 1_500;
  const FIELDS = "input:not([type=hidden]), select, textarea";
  const offered = () =>
    [...document.querySelectorAll("[data-keys]")].filter(
      (each, at, all) => !each.closest("[hidden]") && all.findIndex((other) => other.dataset.keys === each.dataset.keys) === at,
    );
  const control = (each) => (each.matches(`a, button, ${FIELDS}`) ? each : each.querySelector(FIELDS));
  const show = (found) => {
    const list = shortcuts.querySelector("dl");
    const rows = found.map((each) => {
      const [row, keys, name] = ["div", "dt", "dd"].map((kind) => document.createElement(kind));
      each.dataset.keys.split(" ").forEach((key, at) => {
        if (at) keys.append(` ${list.dataset.then} `);
        keys.append(Object.assign(document.createElement("kbd"), { textContent: key }));
      });
      const words = control(each).labels?.[0] ?? control(each);
      name.textContent = words.textContent.replace(/\s+/g, " ").trim();
      row.append(keys, name);
      return row;
    });
    list.replaceChildren(...rows);
    shortcuts.showModal();
  };
  let pressed = "";
  let at = 0;
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat || key.length > 1) return;
    if (target.closest?.(`${FIELDS}, [contenteditable]`) || document.querySelector("dialog[open]")) return;
    const found = offered();
    if (key === "?" && found.length) return show(found);
    pressed = pressed && event.timeStamp - at < NEXT_KEY_MS ? `${pressed} ${key}` : key;
    at = event.timeStamp;
    const meant = found.find(({ dataset: { keys } }) => keys === pressed);
    if (!found.some(({ dataset: { keys } }) => keys.startsWith(`${pressed} `))) pressed = "";
    if (!meant) return;
    event.preventDefault();
    const it = control(meant);
    it.matches(FIELDS) ? it.focus() : it.click();
  });
}

// Every box of a form is ticked by one press.
document.querySelectorAll("[data-ticks]").forEach((button) => {
  button.closest("[hidden]").removeAttribute("hidden");
  button.addEventListener("click", () => {
    for (const box of button.form.elements) if (box.name === button.dataset.ticks && box.type === "checkbox") box.checked = true;
  });
});

// Whether a username is free, told while it is typed.
document.querySelectorAll("[data-username-of]").forEach((told) => {
  const field = document.getElementById(told.dataset.usernameOf);
  let waiting;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    told.textContent = "";
    told.className = "";
    const username = field.value.trim();
    if (username) waiting = setTimeout(check, 400, username);
  });
  async function check(username) {
    const response = await fetch("/v1/patients/username-checks", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Portico-Request": "1" },
      body: JSON.stringify({ username, person_id: told.dataset.person }),
    }).catch(() => null);
    if (!response?.ok || field.value.trim() !== username) return;
    const found = await response.json();
    told.textContent = found.is_available ? told.dataset.free : found.is_valid ? told.dataset.taken : found.rule;
    told.className = found.is_available ? "tag tag-good" : "field-problem";
  }
});

// News pass by one after the other, and stop when they are paused. Under reduced motion they stay the list that they are.
document.querySelectorAll("[data-ticker]").forEach((ticker) => {
  const messages = [...ticker.querySelectorAll("li")];
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-secondary btn-sm";
  const tell = () => {
    button.textContent = ticker.classList.contains("paused") ? ticker.dataset.play : ticker.dataset.pause;
  };
  button.addEventListener("click", () => {
    ticker.classList.toggle("paused");
    tell();
  });
  ticker.append(button);
  ticker.classList.add("moves");
  let at = -1;
  const next = () => {
    messages[at]?.classList.remove("now");
    at = (at + 1) % messages.length;
    const message = messages[at];
    const room = message.parentElement.clientWidth;
    message.style.setProperty("--ticker-from", `${room}px`);
    message.classList.add("now");
    message.style.animationDuration = `${Math.max(8, (room + message.offsetWidth) / 60)}s`;
  };
  messages.forEach((message) => message.addEventListener("animationend", next));
  tell();
  next();
});

// Rows that are put in order by a number get arrows, and a button that takes away what can be taken back until the form is sent.
const renumber = (list) => {
  [...list.children].filter((row) => row.matches("[data-moves]")).forEach((row, place) => {
    row.querySelector("input[name$='.place']").value = place + 1;
  });
};
document.querySelectorAll("[data-moves]").forEach((row) => {
  const list = row.parentElement;
  const bar = document.createElement("div");
  bar.className = "of-row";
  const named = (button, words) => {
    const of = document.createElement("span");
    of.className = "visually-hidden";
    of.textContent = `: ${row.dataset.moves}`;
    button.replaceChildren(words, of);
  };
  const add = (words, work) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-secondary btn-sm";
    named(button, words);
    button.addEventListener("click", () => work(button));
    bar.append(button);
    return button;
  };
  const move = (other, before) => {
    if (!other?.matches("[data-moves]")) return;
    before ? other.before(row) : other.after(row);
    renumber(list);
  };
  const words = list.dataset;
  add(words.up, (button) => (move(row.previousElementSibling, true), button.focus()));
  add(words.down, (button) => (move(row.nextElementSibling, false), button.focus()));
  const box = row.querySelector(":scope > .form-check input[name$='.removed'][type='checkbox']");
  if (box) {
    const button = add(words.remove, () => {
      box.checked = !box.checked;
      tell();
    });
    const tell = () => {
      row.classList.toggle("is-removed", box.checked);
      named(button, box.checked ? words.restore : words.remove);
    };
    box.closest(".form-check").hidden = true;
    tell();
  }
  row.querySelector("legend").after(bar);
});

// An applicant's browser may be a terminal. When nothing is done it asks, and then wipes the application and what is on the screen.
const applicationEnd = document.getElementById("application-end");
if (applicationEnd) {
  const ASKS_MS = 60_000;
  const lasts = Number(applicationEnd.dataset.idleMinutes) * 60_000;
  let seenAt = Date.now(); // by the server
  let usedAt = seenAt;
  let isAsking = false;
  const stay = async () => {
    isAsking = true;
    const at = Date.now();
    const response = await fetch("/application").catch(() => null);
    isAsking = false;
    if (response?.redirected) location.replace(response.url);
    else if (response?.ok) seenAt = at;
  };
  ["input", "keydown", "pointerdown", "scroll"].forEach((each) => {
    addEventListener(each, () => (usedAt = applicationEnd.open ? usedAt : Date.now()), { passive: true });
  });
  applicationEnd.addEventListener("close", stay);
  const watching = setInterval(() => {
    const left = seenAt + lasts - Date.now();
    if (left <= 0) {
      clearInterval(watching);
      document.querySelectorAll("main > :not(dialog)").forEach((each) => each.remove());
      document.getElementById("application-wipe").submit();
    } else if (left <= ASKS_MS && !applicationEnd.open) applicationEnd.showModal();
    else if (!isAsking && usedAt > seenAt && Date.now() - seenAt > ASKS_MS) stay();
  }, 1_000);
}
