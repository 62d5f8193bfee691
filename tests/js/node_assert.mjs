// The part of node:assert/strict that our tests use, for a browser. Strict: 1 is not "1", NaN is NaN.

const isObject = (value) => typeof value === "object" && value !== null;

const same = (left, right) => {
  if (Object.is(left, right)) return true;
  if (!isObject(left) || !isObject(right)) return false;
  if (Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return false;
  if (left instanceof Date) return left.getTime() === right.getTime();
  if (left instanceof Map) return same([...left], [...right]);
  if (left instanceof Set) return left.size === right.size && [...left].every((value) => right.has(value));
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => Object.hasOwn(right, key) && same(left[key], right[key]));
};

const show = (value) => (typeof value === "function" ? value.name : JSON.stringify(value) ?? String(value));

const fail = (message, fallback) => {
  if (message instanceof Error) throw message;
  throw new Error(message ?? fallback);
};

const fits = (error, expected) => {
  if (expected instanceof RegExp) return expected.test(String(error));
  if (typeof expected === "function") return error instanceof expected;
  return Object.entries(expected ?? {}).every(([key, value]) =>
    value instanceof RegExp ? value.test(error[key]) : same(error[key], value),
  );
};

const assert = (value, message) => value || fail(message, `${show(value)} is not truthy`);

Object.assign(assert, {
  ok: assert,
  equal: (left, right, message) =>
    Object.is(left, right) || fail(message, `${show(left)} is not ${show(right)}`),
  notEqual: (left, right, message) => !Object.is(left, right) || fail(message, `both are ${show(left)}`),
  deepEqual: (left, right, message) => same(left, right) || fail(message, `${show(left)} is not ${show(right)}`),
  notDeepEqual: (left, right, message) => !same(left, right) || fail(message, `both are ${show(left)}`),
  match: (text, pattern, message) => pattern.test(text) || fail(message, `${show(text)} does not match ${pattern}`),
  doesNotMatch: (text, pattern, message) => !pattern.test(text) || fail(message, `${show(text)} matches ${pattern}`),
  fail: (message) => fail(message, "failed"),
  throws: (body, expected, message) => {
    try {
      body();
    } catch (error) {
      return fits(error, expected) || fail(message, `threw ${error}`);
    }
    return fail(message, "did not throw");
  },
  rejects: async (promise, expected, message) => {
    const waiting = typeof promise === "function" ? promise() : promise;
    const outcome = await waiting.then(() => null, (error) => ({ error }));
    if (!outcome) fail(message, "did not reject");
    if (!fits(outcome.error, expected)) fail(message, `rejected with ${outcome.error}`);
  },
});
assert.strictEqual = assert.equal;
assert.notStrictEqual = assert.notEqual;
assert.deepStrictEqual = assert.deepEqual;
assert.notDeepStrictEqual = assert.notDeepEqual;

export default assert;
export const { ok, equal, notEqual, deepEqual, notDeepEqual, match, doesNotMatch, throws, rejects } = assert;
