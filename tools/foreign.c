// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: contents that no driver here makes a file system of: encryption, volumes, containers */
#include <stdio.h>
#include <string.h>

#include "foreign.h"

#define UNLOCK \
	"which cannot be unlocked here yet; do that on the host, and name the device that appears: losetup -fP --show IMAGE, then "
#define ASSEMBLE \
	"which cannot be put together here yet; do that on the host, and name the device that appears: losetup -fP --show IMAGE, then "
#define NO_DRIVER "for which Linux has no driver; "

/* As libblkid names them. */
static const struct foreign types[] = {
	{ "crypto_LUKS", "LUKS encryption", UNLOCK "cryptsetup open" },
	{ "BitLocker", "BitLocker encryption", UNLOCK "cryptsetup open --type bitlk" },
	{ "cs_fvault2", "FileVault encryption", UNLOCK "cryptsetup open --type fvault2" },
	{ "LVM2_member", "a physical volume of LVM2", ASSEMBLE "vgchange -ay" },
	{ "LVM1_member", "a physical volume of LVM1", ASSEMBLE "vgchange -ay" },
	{ "linux_raid_member", "a member of an MD RAID",
	  ASSEMBLE "mdadm --assemble of all members; a mirror with metadata 0.90 or 1.0 can be "
		   "read as it is, by -t and the type of its file system" },
	{ "zfs_member", "a member of a ZFS pool",
	  NO_DRIVER "import the pool on a host that has ZFS (zpool import -d), and copy files from there" },
	{ "bcache", "a device of bcache", ASSEMBLE "bcache-register" },
	{ "stratis", "a device of a Stratis pool", ASSEMBLE "stratis pool start" },
	{ "vdo", "a VDO volume", ASSEMBLE "vgchange -ay" },
	{ "drbd", "a DRBD backing device", ASSEMBLE "drbdadm up" },
	{ "DM_integrity", "a device of dm-integrity", ASSEMBLE "integritysetup open" },
	{ "DM_verity_hash", "the hashes of a dm-verity device", "which are none; name the image that they are about" },
	{ "DM_snapshot_cow", "the changes of a device-mapper snapshot",
	  "which are of no use without what they are changes of" },
	{ "ceph_bluestore", "an object store of Ceph",
	  "which is no file system; copy files by a client of its cluster" },
	{ "jbd", "an ext4 journal", "which has no files; name the image with the file system" },
	{ "xfs_external_log", "an XFS log", "which has no files; name the image with the file system" },
	{ "swap", "swap space", "which has no files" },
	{ "swsuspend", "a hibernated system in swap space", "which has no files" },
	{ "apfs", "APFS", NO_DRIVER "on Linux apfs-fuse reads it" },
	{ "ReFS", "ReFS", NO_DRIVER "copy files on Windows" },
	{ "VMFS", "VMFS", NO_DRIVER "on Linux vmfs-fuse reads it" },
	{ "VMFS_volume_member", "a volume of VMFS", NO_DRIVER "on Linux vmfs-fuse reads it" },
	{ "ubi", "a UBI volume", "which needs flash memory; unpack it by ubireader_extract_files" },
	{ "ubifs", "UBIFS", "which needs flash memory; unpack it by ubireader_extract_files" },
	{ "jffs2", "JFFS2", "which needs flash memory; unpack it by jefferson" },
};

/* Arrays of the firmware of many makers */
static const struct foreign firmware_raid = { "raid_member", "a member of a RAID",
					      ASSEMBLE "mdadm --assemble of all members" };

/**
 * struct format - how a container is told
 * @offset: of the bytes; negative: before the end of the file
 */
struct format {
	struct foreign foreign;
	int64_t offset;
	const char *bytes;
	size_t size;
};

#define CONVERT "convert it: qemu-img convert -O raw IMAGE new.img"
/* The size of a string in bytes, zero bytes in it, too. */
#define BYTES(text) text, sizeof(text) - 1

static const struct format formats[] = {
	{ { "qcow2", "a qcow2 image", CONVERT }, 0, BYTES("QFI\xfb") },
	{ { "qed", "a QED image", CONVERT }, 0, BYTES("QED\0") },
	{ { "vmdk", "a VMDK image", CONVERT }, 0, BYTES("KDMV") },
	{ { "vmdk", "a VMDK image", CONVERT }, 0, BYTES("COWD") },
	{ { "vmdk", "the description of a VMDK image", CONVERT }, 0, BYTES("# Disk DescriptorFile") },
	{ { "vhdx", "a VHDX image", CONVERT }, 0, BYTES("vhdxfile") },
	/* Dynamic; what is fixed has this at its end alone, behind the bytes of the disk. */
	{ { "vhd", "a VHD image", CONVERT }, 0, BYTES("conectix") },
	{ { "vdi", "a VDI image", CONVERT }, 64, BYTES("\x7f\x10\xda\xbe") },
	{ { "parallels", "a Parallels image", CONVERT }, 0, BYTES("WithoutFreeSpace") },
	{ { "parallels", "a Parallels image", CONVERT }, 0, BYTES("WithouFreSpacExt") },
	{ { "dmg", "an Apple disk image", CONVERT }, -512, BYTES("koly") },
	{ { "ewf", "an EnCase image", "convert it: ewfexport -f raw IMAGE" }, 0, BYTES("EVF\x09\x0d\x0a\xff") },
	{ { "sparse", "an Android sparse image", "convert it: simg2img IMAGE new.img" }, 0, BYTES("\x3a\xff\x26\xed") },
	{ { "gzip", "compressed by gzip", "unpack it: gunzip -k IMAGE" }, 0, BYTES("\x1f\x8b\x08") },
	{ { "xz", "compressed by xz", "unpack it: unxz -k IMAGE" },
	  0,
	  BYTES("\xfd"
		"7zXZ\0") },
	{ { "zstd", "compressed by zstd", "unpack it: unzstd IMAGE" }, 0, BYTES("\x28\xb5\x2f\xfd") },
	{ { "bzip2", "compressed by bzip2", "unpack it: bunzip2 -k IMAGE" }, 0, BYTES("BZh") },
	{ { "lz4", "compressed by lz4", "unpack it: unlz4 IMAGE" }, 0, BYTES("\x04\x22\x4d\x18") },
	{ { "zip", "a ZIP archive", "unpack it: unzip IMAGE" }, 0, BYTES("PK\x03\x04") },
	{ { "7z", "a 7z archive", "unpack it: 7z x IMAGE" }, 0, BYTES("7z\xbc\xaf\x27\x1c") },
	{ { "tar", "a tar archive", "put it into an image: rumpus untar -f IMAGE new.img" }, 257, BYTES("ustar") },
};

const struct foreign *foreign_type(const char *type)
{
	const size_t length = strlen(type), end = strlen(firmware_raid.type);

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (!strcmp(types[i].type, type))
			return &types[i];
	}
	return length > end && !strcmp(type + length - end, firmware_raid.type) ? &firmware_raid : NULL;
}

const struct foreign *foreign_format(const struct image *image)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		const struct format *format = &formats[i];
		const uint64_t at =
			format->offset < 0 ? image->size + (uint64_t)format->offset : (uint64_t)format->offset;

		if (probe_has_bytes(image, at, format->bytes, format->size))
			return &format->foreign;
	}
	return NULL;
}

/* Of others, versions say nothing to people. */
static bool has_version(const struct foreign *foreign)
{
	return !strcmp(foreign->type, "crypto_LUKS") || !strcmp(foreign->type, "linux_raid_member");
}

const char *foreign_name(const struct foreign *foreign, const char *version, char *text, size_t size)
{
	const bool shown = *version && has_version(foreign);

	snprintf(text, size, "%s%s%s", foreign->name, shown ? ", version " : "", shown ? version : "");
	return text;
}

const char *foreign_say(const struct foreign *foreign, const char *version, const char *file, char *text, size_t size)
{
	const bool is_clause = !strncmp(foreign->remedy, "which ", 6) || !strncmp(foreign->remedy, "for ", 4);
	const char *mark = strstr(foreign->remedy, "IMAGE");
	const int before = mark ? (int)(mark - foreign->remedy) : (int)strlen(foreign->remedy);

	const size_t used = strlen(foreign_name(foreign, version, text, size));

	snprintf(text + used, size - used, "%s %.*s%s%s", is_clause ? "," : ";", before, foreign->remedy,
		 mark ? file : "", mark ? mark + strlen("IMAGE") : "");
	return text;
}
