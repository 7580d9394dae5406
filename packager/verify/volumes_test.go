package verify

const bundleName = bundleStem + ".pdf"
