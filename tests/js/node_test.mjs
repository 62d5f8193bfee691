// The part of node:test that our tests use, for a browser: `test` collects, `run` runs them in order.

const collected = [];

export const test = (name, body) => {
  collected.push({ name, body });
};

export const run = async () => {
  const results = [];
  for (const { name, body } of collected) {
    try {
      await body();
      results.push({ name, error: null });
    } catch (error) {
      results.push({ name, error: String(error?.stack ?? error) });
    }
  }
  return results;
};

export default test;
