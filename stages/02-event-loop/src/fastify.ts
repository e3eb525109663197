import type { StartVariant } from '@qps/console'
export const fastifyNetpoll: StartVariant = () => Promise.reject(new Error('wired in a moment'))
