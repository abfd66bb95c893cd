exports.process = (n) => ({ doubled: 2 * n, language: 'js' });
