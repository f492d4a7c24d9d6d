// What the pages share: asking the service, saying what came of it, one thing at a time.

export const element = (id) => document.getElementById(id);

// Without this script the style sheet shows it after a while.
element("stalled").remove();

const unreachable = {
  code: "unreachable",
  detail: "The service cannot be reached. Check your connection and try again.",
};

/** The service's answer. One that does not come, or is none of the service's own, is an answer like a refusal. */
export async function ask(method, path, body) {
  const headers = body ? { "Content-Type": "application/json", "X-Portico-Request": "1" } : {};
  try {
    const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    return { ok: response.ok, answer: text ? JSON.parse(text) : {} };
  } catch {
    return { ok: false, answer: unreachable };
  }
}

/** A refusal as a sentence for the person in front of the page. */
export function sentence(answer) {
  if (!answer.retry_after_s) return answer.detail || "That did not work. Try again.";
  const minutes = Math.ceil(answer.retry_after_s / 60);
  return `Too many tries. Try again in ${minutes} ${minutes === 1 ? "minute" : "minutes"}.`;
}

/** Say how things stand, at the top of the page; what went wrong stands out. */
export function say(text, { isProblem = false } = {}) {
  element("message").textContent = text;
  element("message").classList.toggle("problem", isProblem);
}

/** Say beside a field what is wrong with it, and go there. */
export function complain(field, text) {
  element(`${field.id}-problem`).textContent = text;
  field.setAttribute("aria-invalid", "true");
  field.focus();
  field.select();
}

function forgive(form) {
  form.querySelectorAll("[aria-invalid]").forEach((field) => field.removeAttribute("aria-invalid"));
  form.querySelectorAll(".problem").forEach((problem) => (problem.textContent = ""));
}

/** Do this when a form is sent or a button pressed; what is sent again before it is done counts once. */
export function on(name, control, work) {
  control.addEventListener(name, async (event) => {
    event.preventDefault();
    if (control.getAttribute("aria-busy")) return;
    control.setAttribute("aria-busy", "true");
    if (name === "submit") forgive(control);
    try {
      await work();
    } finally {
      control.removeAttribute("aria-busy");
    }
  });
}

/** Let a box show what is typed into these fields. */
export function showWith(box, ...fields) {
  box.addEventListener("change", () => fields.forEach((field) => (field.type = box.checked ? "text" : "password")));
}
