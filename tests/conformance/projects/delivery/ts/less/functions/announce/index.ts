import { topics } from '@chuva.io/less';

export const process = async (effect: { order: string; what: string }) => topics.effects.publish(effect);
