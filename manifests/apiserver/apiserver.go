// The Kubernetes API server that `make test-cluster` builds and applies manifests/ to. The import
// keeps its modules, pinned in go.mod and go.sum, part of this one.
package main

import _ "k8s.io/kubernetes/cmd/kube-apiserver/app"

func main() {}
