// Calls of the API, typed from /openapi.json: a path, a member or an answer that does not exist is an error of the compiler.
import type { paths } from "./portico.d.ts";

type Method = "get" | "post" | "put" | "patch" | "delete";
type Of<M extends Method> = { [P in keyof paths]: paths[P] extends { [K in M]: { responses: unknown } } ? P : never }[keyof paths];
type Operation<P extends keyof paths, M extends Method> = paths[P] extends { [K in M]: infer O } ? O : never;
type Json<T> = T extends { content: { "application/json": infer B } } ? B : undefined;
type Given<O> = O extends { requestBody: infer B } ? Json<B> : undefined;
type Query<O> = O extends { parameters: { query?: infer Q } } ? Q : undefined;
type Good<R> = R extends { 200: infer A } ? Json<A> : R extends { 201: infer A } ? Json<A> : undefined;
type Answer<O> = O extends { responses: infer R } ? Good<R> : never;

/** A refusal (RFC 9457): `code` is stable, `field` names what to correct. */
export class Refused extends Error {
  constructor(readonly status: number, readonly code: string, detail: string, readonly field?: string) {
    super(detail);
  }
}

export class Portico {
  #token: string | undefined;

  constructor(readonly url: string) {}

  /** Sign in. The token stays in this page's memory: no cookie, and nothing that another page could read. */
  async signIn(organisation: string, login: string, password: string): Promise<void> {
    const session = await this.call("post", "/v1/sessions", { body: { organisation, login, password } });
    this.#token = session.token ?? undefined;
  }

  async call<M extends Method, P extends Of<M>>(
    method: M,
    path: P,
    given: { body?: Given<Operation<P, M>>; query?: Query<Operation<P, M>> } = {},
  ): Promise<Answer<Operation<P, M>>> {
    const query = new URLSearchParams(given.query as Record<string, string> | undefined);
    const headers: Record<string, string> = {};
    if (this.#token) headers["Authorization"] = `Bearer ${this.#token}`;
    if (given.body) headers["Content-Type"] = "application/json";
    // A write that got no answer may be sent again with the same key: it takes effect once.
    if (method !== "get") headers["Idempotency-Key"] = crypto.randomUUID();
    const response = await fetch(`${this.url}${path}${query.size ? `?${query}` : ""}`, {
      method: method.toUpperCase(),
      headers,
      credentials: "omit",
      ...(given.body ? { body: JSON.stringify(given.body) } : {}),
    });
    const answer = response.status === 204 ? undefined : await response.json();
    if (!response.ok) throw new Refused(response.status, answer.code, answer.detail, answer.field);
    return answer;
  }
}
