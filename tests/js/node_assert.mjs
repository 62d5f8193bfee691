// @ts-check
// The part of node:assert/strict that our tests use, for a browser. Strict: 1 is not "1", NaN is NaN.

/** @import { Assert } from "./assert.d.ts" */
/** @typedef {string | Error | undefined} Said */
/** @typedef {Parameters<Assert["throws"]>[1]} Expected */

/** @param {unknown} value @returns {value is Record<string, unknown>} */
const isObject = (value) => typeof value === "object" && value !== null;

/** @param {unknown} left @param {unknown} right @returns {boolean} */
const same = (left, right) => {
  if (Object.is(left, right)) return true;
  if (!isObject(left) || !isObject(right)) return false;
  if (Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return false;
  if (left instanceof Date && right instanceof Date) return left.getTime() === right.getTime();
  if (left instanceof Map && right instanceof Map) return same([...left], [...right]);
  if (left instanceof Set && right instanceof Set)
    return left.size === right.size && [...left].every((value) => right.has(value));
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => Object.hasOwn(right, key) && same(left[key], right[key]));
};

/** @param {unknown} value */
const show = (value) => (typeof value === "function" ? value.name : (JSON.stringify(value) ?? String(value)));

/** @param {Said} message @param {string} fallback @returns {never} */
const fail = (message, fallback) => {
  if (message instanceof Error) throw message;
  throw new Error(message ?? fallback);
};

/** @param {boolean} right @param {Said} message @param {() => string} fallback */
const held = (right, message, fallback) => {
  if (!right) fail(message, fallback());
};

/** @param {unknown} error @param {Expected} expected */
const fits = (error, expected) => {
  if (expected instanceof RegExp) return expected.test(String(error));
  if (typeof expected === "function") return error instanceof expected;
  const found = /** @type {Record<string, unknown>} */ (error);
  return Object.entries(expected ?? {}).every(([key, value]) =>
    value instanceof RegExp ? value.test(String(found[key])) : same(found[key], value),
  );
};

/** @param {unknown} value @param {Said} [message] */
const ok = (value, message) => held(Boolean(value), message, () => `${show(value)} is not truthy`);

/** @param {unknown} left @param {unknown} right @param {Said} [message] */
const equal = (left, right, message) =>
  held(Object.is(left, right), message, () => `${show(left)} is not ${show(right)}`);

/** @param {unknown} left @param {unknown} right @param {Said} [message] */
const notEqual = (left, right, message) =>
  held(!Object.is(left, right), message, () => `both are ${show(left)}`);

/** @param {unknown} left @param {unknown} right @param {Said} [message] */
const deepEqual = (left, right, message) =>
  held(same(left, right), message, () => `${show(left)} is not ${show(right)}`);

/** @param {unknown} left @param {unknown} right @param {Said} [message] */
const notDeepEqual = (left, right, message) =>
  held(!same(left, right), message, () => `both are ${show(left)}`);

/** @type {Assert} */
const assert = Object.assign(/** @type {Assert} */ (ok), {
  ok,
  equal,
  notEqual,
  deepEqual,
  notDeepEqual,
  strictEqual: equal,
  notStrictEqual: notEqual,
  deepStrictEqual: deepEqual,
  notDeepStrictEqual: notDeepEqual,
  /** @param {string} text @param {RegExp} pattern @param {Said} [message] */
  match: (text, pattern, message) =>
    held(pattern.test(text), message, () => `${show(text)} does not match ${pattern}`),
  /** @param {string} text @param {RegExp} pattern @param {Said} [message] */
  doesNotMatch: (text, pattern, message) =>
    held(!pattern.test(text), message, () => `${show(text)} matches ${pattern}`),
  /** @param {Said} [message] */
  fail: (message) => fail(message, "failed"),
  /** @param {() => unknown} body @param {Expected} [expected] @param {Said} [message] */
  throws: (body, expected, message) => {
    try {
      body();
    } catch (error) {
      return held(fits(error, expected), message, () => `threw ${error}`);
    }
    return fail(message, "did not throw");
  },
  /**
   * @param {Promise<unknown> | (() => Promise<unknown>)} promise
   * @param {Expected} [expected]
   * @param {Said} [message]
   */
  rejects: async (promise, expected, message) => {
    const waiting = typeof promise === "function" ? promise() : promise;
    const outcome = await waiting.then(
      () => null,
      (error) => ({ error }),
    );
    if (!outcome) return fail(message, "did not reject");
    return held(fits(outcome.error, expected), message, () => `rejected with ${outcome.error}`);
  },
});

export default assert;
