exports.process = async () => ({ body: 'put' });
