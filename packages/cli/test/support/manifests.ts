/** A Deployment with what is given put into its container; two spaces of indentation per level. */
export function deployment(container = '', pod = ''): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: orders
spec:
  replicas: 2
  selector:
    matchLabels:
      app: orders
  template:
    metadata:
      labels:
        app: orders
    spec:
${indent(pod, 6)}      containers:
        - name: app
          image: orders:1.0.0
${indent(container, 10)}`;
}

function indent(text: string, columns: number): string {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `${' '.repeat(columns)}${line}\n`)
    .join('');
}
