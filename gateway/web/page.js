// Shared by all pages: requests to the API, messages about their outcome, and forms that are sent once.

export const element = (id) => document.getElementById(id);

// Without this script the style sheet shows this paragraph after a while.
element("stalled").remove();

const unreachable = {
  code: "unreachable",
  detail: "The service cannot be reached. Check your connection and try again.",
};

/** The answer of the API. A missing or foreign answer is returned in the form of a refusal. */
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

/** Show a message at the top of the page; an error stands out. */
export function say(text, { isProblem = false } = {}) {
  element("message").textContent = text;
  element("message").classList.toggle("problem", isProblem);
}

/** Show a problem beside its field, and move the focus there. */
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

/** Run this when a form is sent or a button pressed. A repetition before it is done has no effect. */
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

/** Let a check box show the text of these fields. */
export function showWith(box, ...fields) {
  box.addEventListener("change", () => fields.forEach((field) => (field.type = box.checked ? "text" : "password")));
}
