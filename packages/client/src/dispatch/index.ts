import { siblingModule } from '@qps/core'

export {
  type CreateDispatcher,
  type DispatcherOptions,
  exchange,
  type HttpAnswer,
  type HttpDispatcher,
  type HttpRequest,
  type ResponseHandler,
  type ResponseHead,
  type ResponseHeaders,
} from './http-dispatcher.ts'
export { createDispatcher as createCoalescingDispatcher } from './coalescing.ts'
export { dispatcherDefaults } from './options.ts'
export { createDispatcher as createPerWorkerDispatcher } from './per-worker.ts'
export { createDispatcher as createShardedDispatcher } from './sharded.ts'
export { createDispatcher as createSharedDispatcher } from './shared.ts'

/** The modules of the implementations, by kind. Each exports `createDispatcher`; so does any other that is to be compared. */
export const dispatcherModules: Readonly<Record<'shared' | 'sharded' | 'per-worker' | 'coalescing', URL>> = {
  shared: siblingModule(import.meta.url, './shared'),
  sharded: siblingModule(import.meta.url, './sharded'),
  'per-worker': siblingModule(import.meta.url, './per-worker'),
  coalescing: siblingModule(import.meta.url, './coalescing'),
}
