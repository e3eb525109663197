export * from './poller.ts'
