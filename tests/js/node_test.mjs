// @ts-check
// The part of node:test that our tests use, for a browser: `test` collects, `run` runs them in order.

/** @type {{name: string, body: () => unknown}[]} */
const collected = [];

/** @param {string} name @param {() => unknown} body */
export const test = (name, body) => {
  collected.push({ name, body });
};

export const run = async () => {
  /** @type {{name: string, error: string | null}[]} */
  const results = [];
  for (const { name, body } of collected) {
    try {
      await body();
      results.push({ name, error: null });
    } catch (error) {
      results.push({ name, error: String((error instanceof Error && error.stack) || error) });
    }
  }
  return results;
};

export default test;
