/**
 * The address of a control plane's path as seen from this page. Behind a proxy, the control plane may have
 * a path prefix, so pages resolve addresses relative to their own script (`assets/*.js`).
 */
export function here(path: `/${string}`): string {
  const { pathname, search } = new URL(`..${path}`, import.meta.url);
  return pathname + search;
}
