// The token is in the address's fragment, which browsers do not send. So opening the link does not use the token up.
import { ask, complain, element, on, say, sentence, showWith } from "./page.js";

const token = new URLSearchParams(location.hash.slice(1)).get("token");
const [form, username, password] = ["form", "username", "password"].map(element);
history.replaceState(null, "", location.pathname);

async function begin() {
  element("again").hidden = true;
  if (!token) return say("This address is not complete. Open the link in your e-mail once more.", { isProblem: true });
  const { ok, answer } = await ask("POST", "/v1/credentials/links/inspect", { token });
  if (ok) return answer.state === "usable" ? askForPassword(answer) : offerNewLink(answer);
  if (answer.code === "not_found") {
    return say("This link is not known. Open the newest e-mail that we sent you.", { isProblem: true });
  }
  element("again").hidden = false;
  say(sentence(answer), { isProblem: true });
}

function askForPassword(link) {
  element("naming").hidden = !link.needs_username;
  username.required = link.needs_username;
  say(`Choose the ${link.needs_username ? "username and password" : "password"} that you want to sign in with.`);
  form.hidden = false;
  (link.needs_username ? username : password).focus();
}

function offerNewLink(link) {
  const kind = link.purpose.startsWith("reset") ? "link to reset your password" : "invitation";
  const isExpired = link.state === "expired";
  say(isExpired ? `Your ${kind} has expired.` : `This ${kind} was used already, or a newer one has replaced it.`);
  element("renew").hidden = false;
}

showWith(element("show"), password);
on("click", element("again"), begin);

on("click", element("renew"), async () => {
  const { ok, answer } = await ask("POST", "/v1/credentials/links/renew", { token });
  if (!ok) return say(sentence(answer), { isProblem: true });
  element("renew").hidden = true;
  say("If there is an account, a new link is on its way to the same address.");
});

on("submit", form, async () => {
  const chosen = { token, password: password.value };
  if (username.required) chosen.username = username.value.trim();
  const { ok, answer } = await ask("POST", "/v1/credentials/links/redeem", chosen);
  if (ok) {
    form.hidden = true;
    return say("Your password is set. You can sign in with it now.");
  }
  if (answer.code === "link_refused") {
    form.hidden = true;
    return begin();
  }
  const isAboutName = username.required && ["login_taken", "username"].some((it) => [answer.code, answer.field].includes(it));
  complain(isAboutName ? username : password, sentence(answer));
});

begin();
