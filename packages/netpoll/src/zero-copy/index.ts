// Opening
export { openDirectOutput } from './open.ts'
export { directDefaults, type DirectOutputOptions } from './options.ts'
export { type Features, probeFeatures } from './features.ts'

// Sending
export type { DirectOutput } from './direct-output.ts'
export type { DirectStats } from './stats.ts'
export type { FilePart } from './file-output.ts'
export { type SendMethod, sendMethods } from './memory-output.ts'
export type { SendMemory } from './send-memory.ts'
