exports.process = async ({ query }) => ({ body: Buffer.alloc(Number(query.bytes), 'x') });
