// Handlers in any language call it: await functions{{function}}({ a: 1, b: 2 })
exports.process = async ({ a, b }) => {
  return a + b;
};
