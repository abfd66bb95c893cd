import { sockets, type Heard } from '@chuva.io/less';

export const process = ({ data, connection_id }: Heard) => sockets.bare_one.publish(data, connection_id);
