<?xml version="1.0" encoding="UTF-8"?>
<!-- Globex's theme: sections at the side, and the help desk below them. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:import href="asset:karl.intranet:theme/theme.xsl"/>

  <xsl:template match="page" mode="banner">
    <header class="banner">
      <div class="frame">
        <a class="brand" href="{site/@href}"><xsl:value-of select="site/@title"/></a>
        <span class="tagline"><xsl:value-of select="site/@tagline"/></span>
        <form class="quick-search" action="{site/@search}" role="search">
          <input type="search" name="q" placeholder="Search" aria-label="Search"/>
        </form>
      </div>
    </header>
  </xsl:template>

  <xsl:template match="page" mode="aside">
    <aside>
      <xsl:apply-templates select="navigation" mode="navigation"/>
      <p class="helpdesk">
        Questions? Write to the help desk:
        <a href="mailto:{helpdesk}"><xsl:value-of select="helpdesk"/></a>
      </p>
    </aside>
  </xsl:template>
</xsl:stylesheet>
