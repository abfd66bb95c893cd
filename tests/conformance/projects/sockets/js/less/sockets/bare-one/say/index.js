const { sockets } = require('@chuva.io/less');

exports.process = ({ data, connection_id }) => sockets.bare_one.publish(data, connection_id);
