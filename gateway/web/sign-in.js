// Signs in with a password or an outside provider, then asks for a new password or a second factor where needed.
// The query names the portal (?organisation=…&realm=…&return_path=…), the fragment the outcome at a provider.
import { ask, complain, element, on, say, sentence, showWith } from "./page.js";

const query = new URLSearchParams(location.search);
const told = new URLSearchParams(location.hash.slice(1));
// A challenge is a secret, so it must not stay in the history.
history.replaceState(null, "", location.pathname + location.search);
const organisation = query.get("organisation");
const realm = query.get("realm") || "staff";
const returnPath = told.get("return_path") || query.get("return_path") || "/";
const problems = {
  not_found: "There is no such sign-in here.",
  outside_state_refused: "This sign-in has expired, was completed, or was begun in another browser. Begin again.",
  // The provider reports that the person cancelled or was refused.
  provider_said: "You were not signed in at your sign-in service. Begin again, or ask its administrator.",
  outside_sign_in_refused: "Your sign-in service knows you, but no account here can be used with it. Ask your administrator.",
  outside_provider_failed: "The sign-in service did not answer as it should. Try again, or tell your administrator.",
  outside_identity_taken: "That account of your sign-in service is linked with another account here.",
  proof_refused: "Sign in anew, with the account that is linked with yours.",
  too_many_requests: "Too many tries. Wait a quarter of an hour.",
  feature_is_off: "The portal is switched off.",
};
const steps = ["outside", "or", "password-form", "enrol", "secret", "code-form", "recovery", "again"];
let challenge = told.get("challenge");

/** Show only these parts of the page. */
function show(...ids) {
  steps.forEach((id) => (element(id).hidden = !ids.includes(id)));
}

/** Show this message and offer the ways to sign in. */
async function offer(text, isProblem) {
  show();
  if (!organisation) {
    const incomplete = "This address is not complete. Open the sign-in page from your organisation's own site.";
    return say(text || incomplete, { isProblem: true });
  }
  const where = `${encodeURIComponent(organisation)}/${encodeURIComponent(realm)}`;
  const { ok, answer } = await ask("GET", `/v1/sign-in/${where}`);
  if (!ok) {
    show("again");
    return say(answer.field ? problems.not_found : sentence(answer), { isProblem: true });
  }
  const ways = [];
  if (answer.outside) {
    ways.push("outside");
    element("outside").textContent = answer.outside.button_name;
    element("outside").href = `${answer.outside.start_path}?${new URLSearchParams({ return_path: returnPath })}`;
  }
  if (answer.has_password) ways.push("password-form");
  if (ways.length === 2) ways.push("or");
  show(...ways);
  say(text || "", { isProblem });
  element(answer.has_password ? "login" : "outside").focus();
}

function goOn() {
  // Anybody can write this address, so only a path of this site is opened.
  const target = URL.canParse(returnPath, location.origin) ? new URL(returnPath, location.origin) : null;
  location.assign(target?.origin === location.origin ? target.href : "/");
}

function askForCode(text) {
  show(element("secret").hidden ? "" : "secret", "code-form");
  say(text);
  element("code").focus();
}

function goToSecondFactor(given, isEnrolment) {
  challenge = given;
  element("password").value = element("new-password").value = "";
  if (!isEnrolment) return askForCode("One more step.");
  show("enrol");
  say("Your organisation asks for a second factor, and you have none yet.");
  element("enrol").focus();
}

on("submit", element("password-form"), async () => {
  const login = element("login").value.trim();
  const [password, newPassword] = [element("password"), element("new-password")];
  const given = { organisation, realm, login, password: password.value, cookie: true };
  if (newPassword.required) given.new_password = newPassword.value;
  const { ok, answer } = await ask("POST", "/v1/sessions", given);
  if (ok) return goOn();
  if (answer.code === "second_factor_required") return goToSecondFactor(answer.challenge, answer.enrolment);
  if (answer.code === "password_change_required") {
    element("replacing").hidden = false;
    newPassword.required = true;
    return complain(newPassword, "Your password is temporary. Choose your own.");
  }
  complain(answer.code === "password_refused" ? newPassword : password, sentence(answer));
});

on("click", element("forgotten"), async () => {
  const login = element("login");
  if (!login.reportValidity()) return;
  const { ok, answer } = await ask("POST", "/v1/credentials/resets", { organisation, realm, login: login.value.trim() });
  if (!ok) return complain(login, sentence(answer));
  say("If there is an account, an e-mail with a link to set a new password is on its way.");
});

on("click", element("enrol"), async () => {
  const { ok, answer } = await ask("POST", "/v1/sessions/enrolment", { challenge });
  if (!ok) return refuseStep(answer);
  element("key").textContent = answer.secret.match(/.{1,4}/g).join(" ");
  element("app").href = answer.uri;
  element("secret").hidden = false;
  askForCode("Add this to your authenticator app. Then type the code that the app shows.");
});

on("submit", element("code-form"), async () => {
  const code = element("code").value.trim();
  const { ok, answer } = await ask("POST", "/v1/sessions/second-factor", { challenge, code, cookie: true });
  if (!ok) return refuseStep(answer);
  if (!answer.recovery_codes) return goOn();
  element("codes").textContent = answer.recovery_codes.join("\n");
  show("recovery");
  say("You are signed in.");
  element("go-on").focus();
});

/** Show the refusal of a step beside its field or, if the sign-in has ended, with a way to begin again. */
function refuseStep(answer) {
  if (answer.code === "challenge_refused") return offer("This sign-in has expired or was completed. Begin again.", true);
  if (element("code-form").hidden) return say(sentence(answer), { isProblem: true });
  complain(element("code"), sentence(answer));
}

on("click", element("again"), () => location.reload());
on("click", element("go-on"), goOn);
showWith(element("show"), element("password"), element("new-password"));

// Only a step that this browser was sent to: a stranger's link would sign in to the stranger's account.
const isSentHere = document.cookie.split("; ").includes(`__Host-second-step=${told.get("step")}`);

if (challenge && !isSentHere) {
  offer(problems.outside_state_refused, true);
} else if (challenge) {
  goToSecondFactor(challenge, told.get("enrolment") === "1");
} else if (told.has("problem")) {
  // Anybody can write a fragment, so none of its text is shown.
  const reason = /^[a-z_]{1,60}$/.exec(told.get("reason"))?.[0];
  const problem = reason?.startsWith("provider_said_") ? "provider_said" : told.get("problem");
  offer((problems[problem] || "That did not work. Begin again.") + (reason ? ` (${reason})` : ""), true);
} else {
  offer(told.has("signed_out") ? "You are signed out." : "");
}
