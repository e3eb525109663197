export { createLibuvPoller } from './poller.ts'
