exports.process = async () => ({ body: 'get' });
