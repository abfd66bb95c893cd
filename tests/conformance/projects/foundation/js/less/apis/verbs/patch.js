exports.process = async () => ({ body: 'patch' });
