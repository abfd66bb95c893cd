exports.process = async () => ({ body: { ...process.env } });
