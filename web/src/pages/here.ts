/**
 * A path of the control plane as this page reaches it. The control plane may be found under a path of its own, behind a proxy: pages name
 * things by where their own script (`assets/*.js`) came from.
 */
export function here(path: `/${string}`): string {
  const { pathname, search } = new URL(`..${path}`, import.meta.url);
  return pathname + search;
}
