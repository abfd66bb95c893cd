// Handlers in any language call it: await functions{{function}}({ a: 1, b: 2 })
export const process = async ({ a, b }: { a: number; b: number }): Promise<number> => {
  return a + b;
};
