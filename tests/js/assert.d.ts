// The part of node:assert/strict that our tests use.

type Said = string | Error;
type Expected = RegExp | (new (...values: never[]) => Error) | Record<string, unknown>;

export interface Assert {
  (value: unknown, message?: Said): asserts value;
  ok(value: unknown, message?: Said): asserts value;
  equal(left: unknown, right: unknown, message?: Said): void;
  notEqual(left: unknown, right: unknown, message?: Said): void;
  strictEqual(left: unknown, right: unknown, message?: Said): void;
  notStrictEqual(left: unknown, right: unknown, message?: Said): void;
  deepEqual(left: unknown, right: unknown, message?: Said): void;
  notDeepEqual(left: unknown, right: unknown, message?: Said): void;
  deepStrictEqual(left: unknown, right: unknown, message?: Said): void;
  notDeepStrictEqual(left: unknown, right: unknown, message?: Said): void;
  match(text: string, pattern: RegExp, message?: Said): void;
  doesNotMatch(text: string, pattern: RegExp, message?: Said): void;
  fail(message?: Said): never;
  throws(body: () => unknown, expected?: Expected, message?: Said): void;
  rejects(
    promise: Promise<unknown> | (() => Promise<unknown>),
    expected?: Expected,
    message?: Said,
  ): Promise<void>;
}
