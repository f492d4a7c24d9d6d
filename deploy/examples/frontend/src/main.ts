// Sign in, then list the queues of the organisation.
import { Portico, Refused } from "./api.js";

const form = document.querySelector("form")!;
const shown = document.querySelector("output")!;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = new FormData(form);
  const text = (name: string) => String(given.get(name));
  const portico = new Portico(text("url"));
  try {
    await portico.signIn(text("organisation"), text("login"), text("password"));
    const me = await portico.call("get", "/v1/me");
    const queues = await portico.call("get", "/v1/queues");
    shown.textContent = `${me.organisation_name}: ${queues.items.map((queue) => queue.name).join(", ") || "no queues yet"}`;
  } catch (error) {
    if (!(error instanceof Refused || error instanceof TypeError)) throw error;
    // A browser tells a page no more than this of an answer that it may not read.
    shown.textContent = error instanceof Refused ? error.message : `No answer from ${portico.url}. Does the organisation let ${location.origin} in?`;
  }
});
