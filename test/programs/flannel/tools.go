//go:build tools

// The main package stays out of the build; the import only pins flanneld in go.mod.
package programs

import _ "github.com/flannel-io/flannel"
