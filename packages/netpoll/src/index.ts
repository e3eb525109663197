// The interface
export {
  type Backend,
  type Connection,
  type ConnectionHandler,
  type ConnectOptions,
  type Listener,
  type ListenOptions,
  type Poller,
  type PollerOptions,
  type PollerStats,
  reserveBytesMax,
  type Trace,
  type TraceStep,
} from './poller.ts'

// Making one
export { createPoller } from './create.ts'
export { type Probe, probe } from './probe.ts'
export { pollerDefaults } from './options.ts'
