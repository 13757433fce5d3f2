/** esbuild's `text` loader imports a stylesheet as a string; the element adopts it into its shadow root. */
declare module "*.css" {
  const text: string;
  export default text;
}
