// Only the button confirms the address, so a mail scanner that opens the link does not.
import { ask, element, on, say, sentence } from "./page.js";

const token = new URLSearchParams(location.hash.slice(1)).get("token");
const button = element("confirm");
history.replaceState(null, "", location.pathname);

if (!token) {
  button.hidden = true;
  say("This address is not complete. Open the link in your e-mail once more.", { isProblem: true });
}

on("click", button, async () => {
  const { ok, answer } = await ask("POST", "/v1/credentials/links/verify-email", { token });
  if (!ok) return say(sentence(answer), { isProblem: true });
  button.hidden = true;
  say("Thank you. Your address is confirmed.");
});
