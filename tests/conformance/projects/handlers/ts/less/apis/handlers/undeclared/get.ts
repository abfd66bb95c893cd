// `process.length` is 0 here: nothing was declared.
export const process = async (...given: unknown[]) => ({ body: given.length });
