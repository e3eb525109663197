/**
 * The URL of a module beside this one, for `new Worker` and child processes: `.ts` when the sources run, `.js` when the
 * compiled code does. A static import needs no such help; only entry points named by path do.
 *
 * @example new Worker(siblingModule(import.meta.url, './worker'))
 */
export function siblingModule(ownUrl: string, path: string): URL {
  const extension = ownUrl.slice(ownUrl.lastIndexOf('.'))
  return new URL(path + extension, ownUrl)
}
