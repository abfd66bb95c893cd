exports.process = async () => ({ body: 'root' });
