exports.process = async () => ({ body: 'me' });
