// A channel, one thread's endpoint of it, and what other threads attach to.
export { Channel } from './channel.ts'
export type { ChannelHandle } from './layout.ts'
// Several channels at a time.
export { select, type SelectCase, type Selected, type SelectOptions, trySelect } from './select.ts'
// Options and their defaults, messages that are not bytes, and what a death costs.
export { channelDefaults, type ChannelOptions, type Codec, type EndpointOptions, type WaitOptions } from './options.ts'
export type { Losses } from './recovery.ts'
