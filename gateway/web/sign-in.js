// What is left to do of a sign-in with an outside provider: a second factor, or to hear why it did not work.
"use strict";
const told = new URLSearchParams(location.hash.slice(1));
history.replaceState(null, "", location.pathname);
const challenge = told.get("challenge");
const returnPath = told.get("return_path") || "/";
const problems = {
  not_found: "There is no such sign-in here.",
  outside_state_refused: "This sign-in has expired, was completed, or was begun in another browser. Begin again.",
  outside_sign_in_refused: "Your sign-in service knows you, but no account here can be used with it. Ask your administrator.",
  outside_provider_failed: "The sign-in service did not answer as it should. Try again, or tell your administrator.",
  outside_identity_taken: "That account of your sign-in service is linked with another account here.",
  proof_refused: "Sign in anew, with the account that is linked with yours.",
  too_many_requests: "Too many tries. Wait a quarter of an hour.",
  feature_is_off: "The portal is switched off.",
};
const element = (name) => document.getElementById(name);

function say(text) {
  element("message").textContent = text;
}

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Portico-Request": "1" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { ok: response.ok, answer: text ? JSON.parse(text) : {} };
}

function goOn() {
  // A fragment can be written by anybody: only a path of this very site is gone to.
  const target = new URL(returnPath, location.origin);
  location.assign(target.origin === location.origin ? target.href : "/");
}

function askForCode() {
  element("form").hidden = false;
  element("code").focus();
}

element("enrol").addEventListener("click", async () => {
  const { ok, answer } = await post("/v1/sessions/enrolment", { challenge });
  if (!ok) return say(answer.detail);
  element("enrol").hidden = true;
  element("key").textContent = answer.secret;
  element("secret").hidden = false;
  say("Then type the code that the app shows.");
  askForCode();
});

element("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const code = element("code").value;
  const { ok, answer } = await post("/v1/sessions/second-factor", { challenge, code, cookie: true });
  if (!ok) return say(answer.detail || "That did not work. Try again.");
  if (!answer.recovery_codes) return goOn();
  element("form").hidden = element("secret").hidden = true;
  element("codes").textContent = answer.recovery_codes.join("\n");
  element("recovery").hidden = false;
  say("You are signed in.");
});

element("go-on").addEventListener("click", goOn);

if (challenge && told.get("enrolment") === "1") {
  say("Your organisation asks for a second factor, and you have none yet.");
  element("enrol").hidden = false;
} else if (challenge) {
  say("One more step.");
  askForCode();
} else {
  const reason = told.get("reason");
  say((problems[told.get("problem")] || "That did not work. Begin again.") + (reason ? ` (${reason})` : ""));
}
