exports.process = () => new Promise(() => {});
