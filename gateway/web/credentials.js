// The token is in the address's fragment, which browsers do not send: opening the link uses nothing up.
"use strict";
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const message = document.getElementById("message");
const form = document.getElementById("form");
const password = document.getElementById("password");
const username = document.getElementById("username");
const naming = document.getElementById("naming");
const renew = document.getElementById("renew");
history.replaceState(null, "", location.pathname);

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { ok: response.ok, answer: text ? JSON.parse(text) : {} };
}

function say(text) {
  message.textContent = text;
}

async function begin() {
  if (!token) return say("This address is not complete. Open the link in your e-mail once more.");
  const { ok, answer } = await post("/v1/credentials/links/inspect", { token });
  if (!ok) return say("This link is not known. Open the newest e-mail that we sent you.");
  const kind = answer.purpose === "reset" ? "link to reset your password" : "invitation";
  if (answer.state !== "usable") {
    renew.hidden = false;
    if (answer.state === "expired") return say(`Your ${kind} has expired.`);
    return say(`This ${kind} was used already, or a newer one has replaced it.`);
  }
  naming.hidden = !answer.needs_username;
  username.required = Boolean(answer.needs_username);
  say(`Choose the ${answer.needs_username ? "username and password" : "password"} that you want to log in with.`);
  form.hidden = false;
  (answer.needs_username ? username : password).focus();
}

document.getElementById("show").addEventListener("change", (event) => {
  password.type = event.target.checked ? "text" : "password";
});

renew.addEventListener("click", async () => {
  renew.hidden = true;
  const { ok, answer } = await post("/v1/credentials/links/renew", { token });
  say(ok ? "If there is an account, a new link is on its way to the same address." : answer.detail);
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const chosen = { token, password: password.value };
  if (username.required) chosen.username = username.value.trim();
  const { ok, answer } = await post("/v1/credentials/links/redeem", chosen);
  if (ok) {
    form.hidden = true;
    return say("Your password is set. You can log in with it now.");
  }
  say(answer.detail || "That did not work. Try again.");
  password.focus();
});

begin();
