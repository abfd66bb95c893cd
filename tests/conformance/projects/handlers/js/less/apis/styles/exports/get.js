exports.process = async () => ({ body: 'exports.process' });
