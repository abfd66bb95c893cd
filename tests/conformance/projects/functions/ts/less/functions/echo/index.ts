export const process = async (payload: unknown) => payload;
